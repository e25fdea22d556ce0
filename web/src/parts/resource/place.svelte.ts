/** The company's currency, once it is known. Residents may not read the company: their invoices say it. */
let currency = $state<string>();

export const place = {
  get currency(): string | undefined {
    return currency;
  },
  set currency(known: string | undefined) {
    currency = known;
  },
};
