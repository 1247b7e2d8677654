/** A file of a page, embedded in the program. */
export interface PageAsset {
  readonly contentType: string;
  readonly text: string;
}

/** Returns a page. */
export function html(text: string): PageAsset {
  return { contentType: "text/html; charset=utf-8", text };
}

/** Returns a style sheet. */
export function css(text: string): PageAsset {
  return { contentType: "text/css; charset=utf-8", text };
}

/** Returns a module or script. What several pages share is served beside the files of each. */
export function js(text: string): PageAsset {
  const shared = text.replaceAll("../pages/", "./");
  return { contentType: "text/javascript; charset=utf-8", text: shared };
}

/** Returns an image. */
export function svg(text: string): PageAsset {
  return { contentType: "image/svg+xml", text };
}

/** Returns plain text. */
export function plain(text: string): PageAsset {
  return { contentType: "text/plain; charset=utf-8", text };
}
