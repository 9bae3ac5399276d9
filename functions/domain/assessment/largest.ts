/** The `size` largest of any number of things, largest first; of equals the first ones. */
export class Largest<T> {
  private readonly kept: { value: T; weight: number }[] = [];
  private readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  add(value: T, weight: number): void {
    const least = this.kept.at(-1);
    if (this.kept.length === this.size && least && weight <= least.weight) return;
    const place = this.kept.findIndex((other) => weight > other.weight);
    this.kept.splice(place === -1 ? this.kept.length : place, 0, { value, weight });
    if (this.kept.length > this.size) this.kept.pop();
  }

  get values(): T[] {
    return this.kept.map(({ value }) => value);
  }
}
