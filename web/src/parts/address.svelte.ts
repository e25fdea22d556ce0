/** Filters that stand in the address, so that a list can be shared and gone back to. */
import { searchParams } from "sv-router";

export function inAddress(name: string): { value: string } {
  return {
    get value() {
      return String(searchParams.get(name) ?? "");
    },
    set value(next: string) {
      if (next) searchParams.set(name, next);
      else searchParams.delete(name);
    },
  };
}
