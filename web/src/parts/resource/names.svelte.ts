import { useChoices, nameOf } from "./api";
import type { Kind } from "./resource";

/** Names of people and apartments beside their ids. */
export function useNames(kinds: readonly Kind[]): (kind: Kind, id: string) => string {
  const tenants = useChoices(() => (kinds.includes("tenant") || kinds.includes("occupancy") ? "tenant" : undefined));
  const apartments = useChoices(() => (kinds.includes("apartment") || kinds.includes("occupancy") ? "apartment" : undefined));
  const compounds = useChoices(() => (kinds.includes("compound") ? "compound" : undefined));
  const occupancies = useChoices(() => (kinds.includes("occupancy") ? "occupancy" : undefined));
  return (kind, id) => {
    if (kind === "occupancy") {
      const row = occupancies.data?.find((one) => one.id === id);
      if (!row) return id.slice(-6);
      const tenant = tenants.data?.find((one) => one.id === row.tenantId)?.fullName ?? "";
      const apartment = apartments.data?.find((one) => one.id === row.apartmentId)?.apartmentNumber ?? "";
      return `${apartment} · ${tenant}`;
    }
    const from = kind === "tenant" ? tenants : kind === "apartment" ? apartments : compounds;
    const row = from.data?.find((one) => one.id === id);
    return row ? nameOf(kind, row) : id.slice(-6);
  };
}
