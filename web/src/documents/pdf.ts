/** Draws a page of a PDF. pdf.js is fetched when the first one is opened. */
import type { PDFDocumentProxy } from "pdfjs-dist";
import workerUrl from "pdfjs-dist/build/pdf.worker.min.mjs?url";

export type Pdf = PDFDocumentProxy;

/** A worker's address is one of the things that the policy lets pass only from here: our own build's, no other. */
function trusted(url: string): string {
  const types = (window as { trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(url: string): string } } }).trustedTypes;
  policy ??= types?.createPolicy("nexus-worker", {
    createScriptURL: (given: string) => {
      if (given !== workerUrl) throw new TypeError("not our worker");
      return given;
    },
  });
  return policy ? policy.createScriptURL(url) : url;
}
let policy: { createScriptURL(url: string): string } | undefined;

export async function openPdf(data: ArrayBuffer): Promise<Pdf> {
  const { getDocument, GlobalWorkerOptions } = await import("pdfjs-dist");
  GlobalWorkerOptions.workerPort ??= new Worker(trusted(workerUrl), { type: "module" });
  return getDocument({ data, isEvalSupported: false, useWasm: false }).promise;
}

/** Draws at most `width` CSS pixels wide, sharp on this screen. */
export async function drawPage(pdf: Pdf, number: number, canvas: HTMLCanvasElement, width: number, rotation: number): Promise<void> {
  const page = await pdf.getPage(number);
  const unscaled = page.getViewport({ scale: 1, rotation: (page.rotate + rotation) % 360 });
  const density = Math.min(window.devicePixelRatio, 2);
  const viewport = page.getViewport({ scale: (width / unscaled.width) * density, rotation: (page.rotate + rotation) % 360 });
  canvas.width = Math.round(viewport.width);
  canvas.height = Math.round(viewport.height);
  canvas.style.width = `${Math.round(viewport.width / density)}px`;
  await page.render({ canvas, viewport }).promise;
}
