import { ClientCertificateCredential } from "@azure/identity";
import { describe, expect, it } from "@jest/globals";
import { generate } from "selfsigned";
import { type Config, readConfig } from "../config.ts";
import { pemIn, sharePointCredential } from "./sharePointCredential.ts";

const made = await generate([{ name: "commonName", value: "longshore" }], { keySize: 2048 });
const pem = `${made.private}${made.cert}`;
const settings = (more: object): NodeJS.ProcessEnv => ({
  ...{ STATE_STORAGE_CONNECTION: "https://s", PACKAGE_STORAGE_CONNECTION: "https://p" },
  SERVICE_BUS_CONNECTION: "b",
  AGENT_SERVICE_BUS_CONNECTION: "Endpoint=sb://b/;SharedAccessKeyName=n;SharedAccessKey=k",
  KEY_VAULT_URL: "https://vault.example",
  ...more,
});
const identity = { SHAREPOINT_TENANT_ID: "contoso.com", SHAREPOINT_CLIENT_ID: "app" };

describe("who the app is to SharePoint", () => {
  const other = { getToken: async () => null };

  it("is an application with a certificate, if there is one", () => {
    for (const text of [pem, pem.replaceAll("\n", "\\n"), Buffer.from(pem).toString("base64")]) {
      const config = readConfig(settings({ ...identity, SHAREPOINT_CERTIFICATE: text }));
      const credential = sharePointCredential(config, other);
      expect(credential).toBeInstanceOf(ClientCertificateCredential);
    }
  });

  it("is the app's own identity without", () => {
    expect(sharePointCredential(readConfig(settings({})) as Config, other)).toBe(other);
  });
});

describe("settings", () => {
  it.each([
    "contoso.servicebus.windows.net",
    "Endpoint=sb://b/",
    "Endpoint=sb://b/;SharedAccessKey=k",
  ])("by which no agent could be given anything to listen with are refused: %s", (text) => {
    const wrong = settings({ AGENT_SERVICE_BUS_CONNECTION: text });
    expect(() => readConfig(wrong)).toThrow("AGENT_SERVICE_BUS_CONNECTION: must be");
  });

  it("with a part of an identity are refused", () => {
    expect(() => readConfig(settings(identity))).toThrow("belong together");
  });

  it.each([["made up"], [made.cert], [made.private]])(
    "with half a certificate are refused",
    (text) => {
      expect(pemIn(text)).toBeUndefined();
      const wrong = settings({ ...identity, SHAREPOINT_CERTIFICATE: text });
      expect(() => readConfig(wrong)).toThrow("SHAREPOINT_CERTIFICATE: must be a certificate");
    },
  );
});
