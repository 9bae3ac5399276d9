import { meSchema } from "../../shared/contracts/api.ts";
import { defineRoute } from "./routing/route.ts";

defineRoute(
  {
    name: "getMe",
    method: "GET",
    route: "v1/me",
    role: "reader",
    tag: "administration",
    summary: "Says who calls, and in which role",
    response: meSchema,
  },
  async ({ caller }) => caller,
);
