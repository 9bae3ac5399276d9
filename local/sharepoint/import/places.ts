import { renameSync } from "node:fs";
import type { Faults } from "../faults.ts";
import type { FileObject, FolderObject } from "../package/manifest.ts";
import type { ImportPackage } from "../package/read-package.ts";
import {
  type ImportedFields,
  type Item,
  type ItemStore,
  nameOf,
  parentOf,
  pathKey,
} from "../record/item-store.ts";
import type { Job } from "../record/job-store.ts";
import { diskPath, type LibraryFolders, lookAt } from "../record/library-folder.ts";
import type { RecycleBin } from "../record/recycle-bin.ts";
import { type Library, locate, type Site } from "../sites.ts";
import { hresult } from "./error-codes.ts";
import { ItemFailure } from "./failures.ts";
import { whyInvalid } from "./names.ts";

/** Where an item goes: "" is the root folder of the library. */
export interface Place {
  library: Library;
  path: string;
  /** Undefined for what lies in the root folder. */
  parentId: string | undefined;
}

type Location = Pick<Place, "library" | "path">;
type Placed = FileObject | FolderObject;

interface PlacesContext {
  site: Site;
  job: Job;
  items: ItemStore;
  folders: LibraryFolders;
  bin: RecycleBin;
  faults: () => Faults;
}

/**
 * Decides where the objects of a package go, by the rules for ids and paths: the same id at the same path is replaced,
 * another id at a path that is taken is a conflict, and so is an id that lives elsewhere in the site collection.
 */
export function claimPlaces(context: PlacesContext, pkg: ImportPackage) {
  const { site, job, items, folders, bin } = context;
  const definedFolders = new Set(
    pkg.objects.filter((object) => object.type === "folder").map((object) => object.id),
  );
  const claimed = new Set<string>();
  const failed = new Set<string>();

  function requireNewInPackage(object: Placed): void {
    if (object.id === "") throw new ItemFailure("The Id attribute is missing");
    if (claimed.has(object.id))
      throw new ItemFailure(`The id ${object.id} is used twice in the package`);
    claimed.add(object.id);
  }

  /** Finds who is at the place now. Throws ItemFailure if it is not this object. */
  function requireFree(object: Placed, { library, path }: Location): Item | undefined {
    const known = items.byId(site.name, object.id);
    const { existing, recycleBinConflict } = context.faults();
    const isHere = known?.state === "present" && known.listId === library.listId;
    if (isHere && recycleBinConflict && !lookAt(library, known.path)) bin.add(library, known.path);
    if (bin.has(site.name, object.id)) {
      const message = `An item with the id ${object.id} is in the recycle bin`;
      throw new ItemFailure(message, hresult.exists);
    }
    if (known && (known.listId !== library.listId || pathKey(known.path) !== pathKey(path))) {
      const message = `An item with the id ${object.id} exists elsewhere in the site collection: ${known.path}`;
      throw new ItemFailure(message, hresult.exists);
    }
    const isRefused = existing === "refuse" && isHere && known.jobId !== job.id;
    const isTaken = known
      ? known.kind !== object.type || (isRefused && known.kind === "file")
      : items.byPath(library.listId, path) || folders.adoptIfOnDisk(library, path);
    if (isTaken) {
      const message = `A file or folder with the name ${object.url} already exists.`;
      throw new ItemFailure(message, hresult.exists);
    }
    return known;
  }

  /** Returns the parent folder, or undefined if it is the root. Throws ItemFailure if there is none. */
  function requireParent(object: Placed, { library, path }: Location): Item | undefined {
    const parentPath = parentOf(path);
    const roots = [undefined, library.rootFolderId, library.listId];
    if (parentPath === "" && roots.includes(object.parentId)) return undefined;
    const parent = object.parentId
      ? items.byId(site.name, object.parentId)
      : items.byPath(library.listId, parentPath);
    const isUsable =
      parent?.kind === "folder" &&
      parent.listId === library.listId &&
      pathKey(parent.path) === pathKey(parentPath) &&
      (parent.state === "present" || definedFolders.has(parent.id)) &&
      !failed.has(parent.id);
    if (!isUsable) throw withoutParent(object);
    return parent;
  }

  function insertClaim(object: Placed, { library, path }: Location): void {
    const listItem = pkg.listItems.get(object.id);
    items.insert(library, {
      id: object.id,
      kind: object.type,
      path,
      state: "claimed",
      origin: "imported",
      jobId: job.id,
      intId: listItem?.intId || object.intId,
      ...(listItem?.id ? { listItemId: listItem.id } : {}),
    });
  }

  /** The same id at the same path but for its case: the item is renamed, with all that is in it. */
  function respell(library: Library, from: string, to: string): void {
    if (lookAt(library, from)) renameSync(diskPath(library, from), diskPath(library, to));
    items.respell(library.listId, to);
  }

  return {
    /** Reserves the place of a file or folder. Throws ItemFailure if it cannot go there. */
    claim(object: Placed): Place {
      requireNewInPackage(object);
      const location = locate(site, object.url);
      if (!location) {
        throw new ItemFailure(`${object.url} is in no document library of ${site.url}`);
      }
      const { library, path } = location;
      if (object.listId !== undefined && object.listId !== library.listId) {
        throw new ItemFailure(`${object.url} is not in the list ${object.listId}`);
      }
      if (path === "" && object.id === library.rootFolderId)
        return { library, path, parentId: undefined };
      const invalid = whyInvalid(object.url, path);
      if (invalid) throw new ItemFailure(invalid);
      const known = requireFree(object, location);
      const parent = requireParent(object, location);
      const place = { library, path: parent ? `${parent.path}/${nameOf(path)}` : path };
      if (!known) insertClaim(object, place);
      else if (known.path !== place.path) respell(library, known.path, place.path);
      return { ...place, parentId: parent?.id };
    },
    /** Throws ItemFailure if the folder that the object goes into failed after the object was claimed. */
    requireIntactParent(object: Placed, { parentId }: Place): void {
      if (parentId !== undefined && failed.has(parentId)) throw withoutParent(object);
    },
    /** Records a claimed or replaced item as imported. */
    save(object: Placed, place: Place, fields: ImportedFields): void {
      if (items.imported(site.name, object.id, job.id, fields)) return;
      // Another job reserved the same item, failed and gave it up.
      insertClaim(object, place);
      items.imported(site.name, object.id, job.id, fields);
    },
    markFailed: (id: string) => void failed.add(id),
    isFailed: (id: string) => failed.has(id),
  };
}

function withoutParent({ parentId, url }: Placed): ItemFailure {
  const message = `The parent folder ${parentId ?? ""} of ${url} cannot be found`;
  return new ItemFailure(message, hresult.fileNotFound);
}
