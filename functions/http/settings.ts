import {
  globalSettingsViewSchema,
  settingsLayerSchema,
} from "../../shared/contracts/settingLevels.ts";
import { explainSettings } from "../domain/settings.ts";
import { defineRoute, tagged } from "./routing/route.ts";

defineRoute(
  {
    name: "getSettings",
    method: "GET",
    route: "v1/settings",
    role: "reader",
    tag: "settings",
    summary: "Shows what is set for all sessions, and every setting with the value that counts",
    response: globalSettingsViewSchema,
  },
  async ({ app }) => {
    const settings = await app.settings.load();
    return tagged({ settings, effective: explainSettings({ global: settings }) }, settings);
  },
);

defineRoute(
  {
    name: "putSettings",
    method: "PUT",
    route: "v1/settings",
    role: "administrator",
    tag: "settings",
    summary: "Replaces what is set for all sessions; rounds that run keep what they began with",
    body: settingsLayerSchema,
    response: globalSettingsViewSchema,
  },
  async ({ app, body, ifMatch }) => {
    await app.settings.replace(body, (now) => ifMatch.require(now));
    return tagged({ settings: body, effective: explainSettings({ global: body }) }, body);
  },
);
