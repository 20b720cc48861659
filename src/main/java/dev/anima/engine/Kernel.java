package dev.anima.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.jspecify.annotations.Nullable;

/// An ATen operator without a Java method, looked up by name and called through the dispatcher.
final class Kernel {
  private final OperatorHandle handle;

  private Kernel(OperatorHandle handle) {
    this.handle = handle;
    handle.retainReference(); // lives as long as the process, whatever scope is open now
  }

  /// @param name such as `aten::_softmax_backward_data`
  static Kernel named(String name) {
    Libtorch.load();
    return new Kernel(Dispatcher.singleton().findSchemaOrThrow(name, ""));
  }

  /// The operator's name, namespace included.
  String name() {
    try (Scope _ = new Scope()) {
      return handle.operator_name().name().getString();
    }
  }

  /// Calls with every argument of the schema in order, keyword arguments and defaults included.
  ///
  /// @param arguments [Tensor], [Double], [Long], [Boolean], [IValue], or null for None
  /// @return the first `results` results, which must be tensors, in the current scope
  List<Tensor> call(int results, @Nullable Object... arguments) {
    return Scope.keepAll(() -> {
      IValueVector stack = new IValueVector();
      for (Object argument : arguments) {
        stack.push_back(value(argument));
      }
      handle.callBoxed(stack);
      List<Tensor> tensors = new ArrayList<>(results);
      for (int i = 0; i < results; i++) {
        tensors.add(new Tensor(new org.bytedeco.pytorch.Tensor(stack.get(i).toTensor())));
      }
      return tensors;
    });
  }

  private static IValue value(@Nullable Object argument) {
    return switch (argument) {
      case null -> new IValue();
      case Tensor tensor -> new IValue(tensor.raw);
      case Double number -> new IValue(number.doubleValue());
      case Long number -> new IValue(number.longValue());
      case Boolean flag -> new IValue(flag.booleanValue());
      case IValue value -> value;
      default -> throw new IllegalArgumentException("no kernel takes a " + argument.getClass());
    };
  }
}
