/** A part of the services of which some methods are replaced. */
export const but = <T extends object>(part: T, methods: Partial<T>): T =>
  Object.assign(Object.create(part) as T, methods);
