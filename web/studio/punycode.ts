// markdown-it wants node's punycode to normalise host names; the browser's URL parser does the same.

export function toASCII(host: string): string {
  try {
    return new URL("http://" + host).hostname;
  } catch {
    return host;
  }
}

/** Host names stay in ASCII, so that look-alike letters cannot pass for another site. */
export function toUnicode(host: string): string {
  return host;
}
