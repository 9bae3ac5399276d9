import { join } from "node:path";
import { makePrivateDirectory, readIfThere, writeDurably } from "./private-files.ts";

const VALID_DAYS = 3_650;

export interface Certificate {
  key: string;
  cert: string;
  /** The certificate for clients to trust, for example through NODE_EXTRA_CA_CERTS. */
  file: string;
}

/**
 * Loads the certificate of this machine's servers, or makes and keeps one. SDKs insist on TLS: vaults over https only
 * (@azure/keyvault-common 2.1, whatever the options), Service Bus' administration over https and AMQP over WebSockets over wss
 * (@azure/service-bus 7.9.5, also with UseDevelopmentEmulator). It is not a certificate authority, so trusting it means
 * trusting these servers and nothing else.
 */
export async function openCertificate(directory: string): Promise<Certificate> {
  makePrivateDirectory(directory);
  const file = join(directory, "certificate.pem");
  const keyFile = join(directory, "certificate-key.pem");
  const [cert, key] = [readIfThere(file), readIfThere(keyFile)];
  if (cert !== undefined && key !== undefined) return { key, cert, file };
  const made = await makeCertificate();
  writeDurably(keyFile, made.key);
  writeDurably(file, made.cert);
  return { ...made, file };
}

async function makeCertificate(): Promise<{ key: string; cert: string }> {
  // Loaded only here: it is large, and needed once in the life of a data directory.
  const { generate } = await import("selfsigned");
  const notBeforeDate = new Date(Date.now() - 3_600_000);
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate,
    notAfterDate: new Date(notBeforeDate.getTime() + VALID_DAYS * 86_400_000),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  return { key, cert };
}
