import type { AnyRoute } from "../../functions/http/routing/route.ts";

/** All routes of the app as they are defined, without a host. */
export async function loadRoutes(): Promise<readonly AnyRoute[]> {
  const { warn, debug } = console;
  // Outside of a host the SDK warns at every registration.
  console.warn = console.debug = () => {};
  try {
    // Jest 30 cannot require() what is being imported at the same time: this one first, it is CommonJS.
    await import("@azure/service-bus");
    await import("../../functions/index.ts");
  } finally {
    Object.assign(console, { warn, debug });
  }
  const { routes } = await import("../../functions/http/routing/route.ts");
  return routes;
}
