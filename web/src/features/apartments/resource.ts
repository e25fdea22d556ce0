import type { Resource } from "~/parts/resource/resource";

export const apartments: Resource = {
  path: "apartments",
  words: "apartments",
  columns: [
    { field: "apartmentNumber", kind: "code", sort: true, phone: "title" },
    { field: "compoundId", kind: "compound", phone: "line" },
    { field: "floor", kind: "number", sort: true },
    { field: "bedrooms", kind: "number", sort: true },
    { field: "areaSqm", kind: "number", sort: true },
    { field: "monthlyRent", kind: "money", sort: true, phone: "line" },
    { field: "status", kind: "status", sort: true, phone: "end" },
  ],
  sort: "apartmentNumber",
  filter: { field: "status", values: ["VACANT", "OCCUPIED", "MAINTENANCE", "INACTIVE"] },
  search: true,
  fields: [
    { field: "compoundId", kind: "compound", required: true },
    { field: "apartmentNumber", kind: "text", required: true },
    { field: "monthlyRent", kind: "money", required: true },
    { field: "floor", kind: "number" },
    { field: "bedrooms", kind: "number" },
    { field: "areaSqm", kind: "number" },
  ],
  title: (row) => String(row.apartmentNumber),
  canCreate: "staff",
  canEdit: true,
  canRemove: true,
};
