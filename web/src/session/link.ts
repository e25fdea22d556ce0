/** The token of a mailed link. It leaves the address bar, the history and the referrer at once. */
export function takeToken(): string {
  const url = new URL(location.href);
  const token = url.searchParams.get("token") ?? "";
  if (token) {
    url.searchParams.delete("token");
    history.replaceState(history.state, "", url);
  }
  return token;
}
