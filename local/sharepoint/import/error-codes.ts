/** HRESULTs that the service puts into events and error bodies. */
export const hresult = {
  exists: -2147024816,
  fileNotFound: -2147024894,
  accessDenied: -2147024891,
  invalidArgument: -2147024809,
  operationCanceled: -2147213196,
  jobNotFound: -2147213145,
  statusExpired: -2147213146,
  generic: -2146232832,
} as const;
