import type { Destination } from "../../../shared/contracts/destinations.ts";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { mayBeTried, rootFolderName } from "../../../shared/rules/destinationName.ts";
import { checkName } from "../../../shared/rules/names.ts";
import { joinPath } from "../../../shared/rules/paths.ts";
import type { RoundRecord, Target } from "../../domain/records.ts";
import { hasDestination, nominalTarget } from "../../domain/rounds/nominalTarget.ts";
import type { Services } from "../../services.ts";

/**
 * Finds the place that a round's items go to. A round that only scans makes nothing there: without a destination, or with one
 * whose library is yet to be made, the place is a nominal one.
 */
export async function findTarget(
  { destination: sharePoint }: Pick<Services, "destination">,
  round: Pick<RoundRecord, "source" | "destination" | "settings">,
): Promise<Target> {
  const { settings } = round;
  const place = withRootFolder(round);
  if (!hasDestination(place)) return nominalTarget(settings.nominalDestination, place.folder);
  if (!settings.scanOnly || !place.createLibrary) return sharePoint.resolve(place);
  return sharePoint.resolve({ ...place, createLibrary: false }).catch((error: unknown) => {
    if (!isLibraryMissing(error)) throw error;
    const site = URL.parse(place.siteUrl)?.pathname ?? "/personal/owner";
    return nominalTarget(`${site.replace(/\/$/, "")}/${place.library}`, place.folder);
  });
}

const isLibraryMissing = (error: unknown): boolean =>
  error instanceof LongshoreError &&
  error.code === "DESTINATION_NOT_FOUND" &&
  error.message.startsWith("the library");

/** The task's destination, with the source's own folder in it, if that comes along. */
function withRootFolder({
  source,
  destination,
  settings,
}: Pick<RoundRecord, "source" | "destination" | "settings">): Destination {
  if (!settings.includeRootFolder) return destination;
  const name = rootFolderName(source, settings);
  if (name === "") return destination;
  const violation = checkName(name, { isFolder: true, atLibraryRoot: destination.folder === "" });
  const isTried =
    violation && settings.invalidCharacters === "try" && mayBeTried(violation.code, name);
  if (violation && !isTried)
    throw new LongshoreError(violation.code, `the source folder's own name: ${violation.message}`);
  return { ...destination, folder: joinPath(destination.folder, name) };
}
