package dev.anima.tag;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.anima.io.InputException;
import dev.anima.io.Pixels;
import dev.anima.io.RunFailedException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/// A tagger network, ready to answer.
///
/// Two kinds exist. WD taggers (`selected_tags.csv`): input `(N, S, S, 3)` float32, BGR, 0..255;
/// output probabilities. Those with `tag_mapping.json`: input `(N, 3, S, S)`, BGR, -1..1; output
/// logits. Names and sizes come from the file.
public final class TaggerModel implements AutoCloseable {
  private static final int USUAL_SIDE = 448;
  private static final int CHANNELS = 3;

  private final ModelFiles files;
  private final TagList tags;
  private final Network network;
  private final OrtSession session;
  private final String input;
  private final String output;
  private final int side;
  private final boolean channelsFirst;
  private final boolean logits;
  private final OptionalInt fixedBatch;

  /// Opens a model.
  ///
  /// @param threads processor threads; empty for one a core
  /// @throws InputException if the files are no tagger or do not belong together, or the device
  ///   named is not there
  public static TaggerModel open(ModelFiles files, TagDevice device, OptionalInt threads) {
    TagList tags = TagList.read(files.tags());
    Network network = Network.open(files.onnx(), device, threads);
    try {
      return new TaggerModel(files, tags, network);
    } catch (OrtException e) {
      network.close();
      throw new InputException(files.onnx() + ": cannot be used (" + e.getMessage() + ")", e);
    } catch (RuntimeException e) {
      network.close();
      throw e;
    }
  }

  private TaggerModel(ModelFiles files, TagList tags, Network network) throws OrtException {
    this.files = files;
    this.tags = tags;
    this.network = network;
    this.session = network.session();
    boolean mapping = String.valueOf(files.tags().getFileName()).endsWith(".json");
    NodeInfo in = session.getInputInfo().values().iterator().next();
    NodeInfo out = session.getOutputInfo().values().iterator().next();
    input = in.getName();
    output = out.getName();
    long[] shape = shape(in);
    channelsFirst = shape[1] == CHANNELS || (mapping && shape[3] != CHANNELS);
    logits = mapping;
    long height = shape[channelsFirst ? 2 : 1];
    side = height > 0 ? Math.toIntExact(height) : USUAL_SIDE;
    fixedBatch = shape[0] > 0 ? OptionalInt.of(Math.toIntExact(shape[0])) : OptionalInt.empty();
    checkOutputs(out);
  }

  private long[] shape(NodeInfo in) {
    long[] shape = in.getInfo() instanceof TensorInfo info ? info.getShape() : new long[0];
    boolean right =
        in.getInfo() instanceof TensorInfo info
            && info.type == OnnxJavaType.FLOAT
            && shape.length == 4
            && (shape[1] == CHANNELS || shape[3] == CHANNELS || shape[1] < 0)
            && session.getNumInputs() == 1;
    if (!right) {
      throw InputException.inFile(
          files.onnx(),
          "is no image tagger: its input is %s, expected float32 pictures such as [-1, 448, 448, 3]"
              .formatted(in.getInfo()));
    }
    return shape;
  }

  private void checkOutputs(NodeInfo out) {
    long[] shape = out.getInfo() instanceof TensorInfo info ? info.getShape() : new long[0];
    if (shape.length != 2) {
      throw InputException.inFile(
          files.onnx(),
          "is no image tagger: its output is %s, expected one number for each tag"
              .formatted(out.getInfo()));
    }
    if (shape[1] > 0) {
      checkCount(shape[1]);
    }
  }

  private void checkCount(long outputs) {
    if (outputs != tags.size()) {
      throw InputException.inFile(
          files.tags(),
          "lists %d tags, but %s has %d outputs; the two files belong to different models"
              .formatted(tags.size(), files.onnx().getFileName(), outputs));
    }
  }

  public TagList tags() {
    return tags;
  }

  public ModelFiles files() {
    return files;
  }

  /// What computes, such as `CPU`.
  public String device() {
    return network.device();
  }

  /// Why it is not what one may have hoped for, one sentence each.
  public List<String> notes() {
    return network.notes();
  }

  /// Width and height of its pictures.
  public int side() {
    return side;
  }

  /// How many pictures it takes at a time, if the file fixes it.
  public OptionalInt fixedBatch() {
    return fixedBatch;
  }

  /// Room for `count` pictures, outside the Java heap.
  FloatBuffer room(int count) {
    int bytes = Math.multiplyExact(count * Float.BYTES, pictureFloats());
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  /// Floats of one picture.
  int pictureFloats() {
    return CHANNELS * side * side;
  }

  /// Writes a prepared picture as number `slot` of `room`. Slots may be filled side by side.
  void fill(FloatBuffer room, int slot, Pixels rgb) {
    byte[] data = rgb.data();
    int at = slot * pictureFloats();
    if (channelsFirst) {
      int plane = side * side;
      float[] values = new float[plane];
      for (int c = 0; c < CHANNELS; c++) {
        for (int i = 0; i < plane; i++) {
          values[i] = value(data[CHANNELS * i + 2 - c]);
        }
        room.put(at + c * plane, values);
      }
      return;
    }
    float[] row = new float[CHANNELS * side];
    for (int y = 0; y < side; y++) {
      int from = y * row.length;
      for (int i = 0; i < row.length; i += CHANNELS) {
        row[i] = value(data[from + i + 2]);
        row[i + 1] = value(data[from + i + 1]);
        row[i + 2] = value(data[from + i]);
      }
      room.put(at + from, row);
    }
  }

  private float value(byte sample) {
    int value = sample & 0xFF;
    return logits ? value / 127.5f - 1f : value;
  }

  /// The probabilities of the first `count` pictures of `room`.
  ///
  /// @return one for each picture
  /// @throws RunFailedException if the network cannot be computed
  List<Probabilities> probabilities(FloatBuffer room, int count) {
    int pictures = fixedBatch.orElse(count); // a fixed batch is filled up with what was there
    long[] shape =
        channelsFirst
            ? new long[] {pictures, CHANNELS, side, side}
            : new long[] {pictures, side, side, CHANNELS};
    FloatBuffer used = room.duplicate().position(0).limit(pictures * pictureFloats());
    try (OnnxTensor tensor = OnnxTensor.createTensor(network.environment(), used, shape);
        OrtSession.Result result = session.run(Map.of(input, tensor))) {
      OnnxValue value = result.get(output).orElseThrow();
      FloatBuffer numbers = ((OnnxTensor) value).getFloatBuffer();
      checkCount(numbers.remaining() / pictures);
      List<Probabilities> answers = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        float[] answer = new float[tags.size()];
        numbers.get(answer);
        answers.add(new Probabilities(logits ? sigmoid(answer) : answer));
      }
      return answers;
    } catch (OrtException e) {
      throw new RunFailedException(
          "%s: could not be computed on %s (%s)"
              .formatted(files.onnx(), device(), Network.firstLine(e)),
          e);
    }
  }

  private static float[] sigmoid(float[] logits) {
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (1 / (1 + Math.exp(-logits[i])));
    }
    return logits;
  }

  @Override
  public void close() {
    network.close();
  }
}
