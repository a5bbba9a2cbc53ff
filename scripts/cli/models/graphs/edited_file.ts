/** Lays out an edited ONNX file as spans of the old one and new bytes, so that weights need no memory. */
import { opening } from "../../../../gpu-function/onnx/graph_file/protobuf_writer.ts";
import type { GraphEdit } from "./attention_fusion.ts";
import type { DetailedGraph, Span } from "../../../../gpu-function/onnx/graph_file/graph_detail.ts";
import type { ProtobufFile } from "../../../../gpu-function/onnx/graph_file/protobuf_file.ts";

export type Piece = Span | Uint8Array;

const MODEL_GRAPH = 7;

export function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => {
    return sum + (piece instanceof Uint8Array ? piece.length : piece.end - piece.start);
  }, 0);
}

/** Whatever surrounds the graph stays as it is. */
export function editedFile(
  source: ProtobufFile,
  { graphs }: Pick<DetailedGraph, "graphs">,
  edit: GraphEdit,
): Piece[] {
  const pieces: Piece[] = [];
  const last = graphs.at(-1)?.start;
  for (const field of source.fields(0, source.size)) {
    if (field.number !== MODEL_GRAPH) {
      pieces.push({ start: field.tag, end: field.end });
      continue;
    }
    const content = editedGraph(source, field, edit);
    if (field.start === last) content.push(edit.graphEnd);
    pieces.push(opening(MODEL_GRAPH, lengthOf(content)), ...content);
  }
  return [...pieces, edit.modelEnd];
}

function editedGraph(
  source: ProtobufFile,
  { start, end }: Span,
  { removed, inserted }: GraphEdit,
): Piece[] {
  const pieces: Piece[] = [];
  for (const part of source.fields(start, end)) {
    const added = inserted.get(part.tag);
    if (added) pieces.push(added);
    if (!removed.has(part.tag)) pieces.push({ start: part.tag, end: part.end });
  }
  return pieces;
}
