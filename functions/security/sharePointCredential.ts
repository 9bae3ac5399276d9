import { ClientCertificateCredential, type TokenCredential } from "@azure/identity";
import type { Config } from "../config.ts";

/**
 * Who the app is to SharePoint: an application of its own, by certificate, or else whoever it is everywhere. SharePoint refuses app-only
 * tokens that a client secret was the proof for; those of a managed identity it takes.
 */
export function sharePointCredential(
  { SHAREPOINT_TENANT_ID, SHAREPOINT_CLIENT_ID, SHAREPOINT_CERTIFICATE }: Config,
  otherwise: TokenCredential,
): TokenCredential {
  if (!SHAREPOINT_TENANT_ID || !SHAREPOINT_CLIENT_ID || !SHAREPOINT_CERTIFICATE) return otherwise;
  return new ClientCertificateCredential(SHAREPOINT_TENANT_ID, SHAREPOINT_CLIENT_ID, {
    certificate: SHAREPOINT_CERTIFICATE,
  });
}

/**
 * A certificate with its private key as PEM, however a setting carries it: as it is, with "\n" for its line ends, or in base64.
 * Undefined when it is none.
 */
export function pemIn(text: string): string | undefined {
  const decoded = text.includes("-----BEGIN")
    ? text.replaceAll("\\n", "\n")
    : Buffer.from(text, "base64").toString("utf8");
  const has = (what: string) => decoded.includes(`-----BEGIN ${what}`);
  const isWhole = has("CERTIFICATE") && (has("PRIVATE KEY") || has("RSA PRIVATE KEY"));
  return isWhole ? decoded : undefined;
}
