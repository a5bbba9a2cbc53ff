/** Recall over other pools than stated would be another number. */
import assert from "node:assert/strict";
import { recallAtOne } from "./retrieval.ts";

const at = (degrees: number) => {
  const angle = degrees * Math.PI / 180;
  return Float32Array.of(Math.cos(angle), Math.sin(angle));
};

Deno.test("recallAtOne() asks in both directions, within full pools alone", () => {
  // In pool 1 both texts are nearest to the first image. Pool 2 is right. The fifth fills no pool.
  const texts = [at(0), at(20), at(90), at(180), at(0)];
  const images = [at(10), at(60), at(95), at(185), at(90)];
  const { text_to_image, image_to_text } = recallAtOne(texts, images, 2);
  assert.deepEqual([text_to_image.value, text_to_image.count], [0.75, 4]);
  // Image 0 is equally near to both texts and takes the first, image 1 finds its own.
  assert.deepEqual([image_to_text.value, image_to_text.count], [1, 4]);
  assert.equal(recallAtOne(texts, images).text_to_image.count, 0);
});
