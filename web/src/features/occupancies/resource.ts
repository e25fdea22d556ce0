import type { Resource } from "~/parts/resource/resource";

export const occupancies: Resource = {
  path: "occupancies",
  words: "occupancies",
  columns: [
    { field: "startDate", kind: "date", sort: true, phone: "line" },
    { field: "endDate", kind: "date", sort: true, phone: "line" },
    { field: "tenantId", kind: "tenant", phone: "title" },
    { field: "apartmentId", kind: "apartment", phone: "line" },
    { field: "monthlyRent", kind: "money", sort: true },
    { field: "depositHeld", kind: "money", sort: true },
    { field: "status", kind: "status", sort: true, phone: "end" },
  ],
  sort: "-startDate",
  filter: { field: "status", values: ["UPCOMING", "ACTIVE", "ENDED", "CANCELLED"] },
  search: true,
  fields: [
    { field: "apartmentId", kind: "apartment", required: true, onlyNew: true },
    { field: "tenantId", kind: "tenant", required: true, onlyNew: true },
    { field: "startDate", kind: "date", required: true },
    { field: "endDate", kind: "date" },
    { field: "monthlyRent", kind: "money" },
    { field: "depositAmount", kind: "money" },
  ],
  title: (row, name) => `${name("apartment", String(row.apartmentId))} · ${name("tenant", String(row.tenantId))}`,
  canCreate: "staff",
  canEdit: true,
  canRemove: true,
};
