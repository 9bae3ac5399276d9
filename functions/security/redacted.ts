const SECRET =
  /((?:\b|%3F|%26)(?:sig|SharedAccessKey|AccountKey)(?:=|%3D))(?:(?!%26)[^&;,\s"'<>\\])+/gi;

/** Text of others (SDKs, SharePoint) for logs and reports: without the secret part of any SAS or connection string in it. */
export const redacted = (text: string): string => text.replace(SECRET, "$1***");
