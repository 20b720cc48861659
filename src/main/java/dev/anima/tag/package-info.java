/// Tags from pictures: WD taggers through ONNX Runtime. From a model's files and a list of pictures
/// to captions; the only room that sees ONNX Runtime. Knows nothing of training.
@NullMarked
package dev.anima.tag;

import org.jspecify.annotations.NullMarked;
