import type { SupervisorEvent } from "../local/supervisor/supervisor.ts";

/** What happened to a part, for people. */
export function describeEvent(event: SupervisorEvent): string {
  switch (event.kind) {
    case "died":
      return `The part "${event.part}" ended (${event.how}); starting it again. Its log: ${event.log}`;
    case "restarted":
      return `The part "${event.part}" runs again.`;
    case "warning":
      return event.message;
    case "all-restarted":
      return `Storage may have lost its last writes with "${event.part}", so every part was started again.`;
  }
}
