/** Where a token was looked at: its map in colours over the image. */
import { interpolateInferno } from "d3-scale-chromatic";
import { useEffect, useRef } from "preact/hooks";
import type { TokenMaps } from "../../../contract/events/insight_event.ts";
import type { Picture } from "../../state/generation_view.ts";

type TokenMap = TokenMaps["tokens"][number];

interface HeatMapProps extends Pick<TokenMaps, "width" | "height"> {
  readonly map: TokenMap;
  readonly word: string;
  readonly picture: Picture | null;
  readonly veiled: boolean;
}

/** The browser enlarges the cells smoothly. */
export function HeatMap({ map, width, height, word, picture, veiled }: HeatMapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    const pixels = heatPixels(Uint8Array.fromBase64(map.data));
    context?.putImageData(new ImageData(pixels, width, height), 0, 0);
  }, [map, width, height]);
  return (
    <figure class="heat-map">
      <div>
        {picture === null
          ? null
          : <img class={veiled ? "veiled" : ""} src={picture.source} alt="" />}
        <canvas
          ref={canvas}
          width={width}
          height={height}
          role="img"
          aria-label={`Where the image looks at “${word}”`}
        />
      </div>
      <figcaption>{word}</figcaption>
    </figure>
  );
}

/** RGBA of each cell, from the least value in black to the greatest in light yellow. */
export function heatPixels(cells: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const least = cells.reduce((min, cell) => Math.min(min, cell), 255);
  const span = Math.max(cells.reduce((max, cell) => Math.max(max, cell), 0) - least, 1);
  const pixels = new Uint8ClampedArray(4 * cells.length);
  for (const [i, cell] of cells.entries()) {
    const colour = parseInt(interpolateInferno((cell - least) / span).slice(1), 16);
    pixels.set([colour >> 16, colour >> 8 & 255, colour & 255, 255], 4 * i);
  }
  return pixels;
}
