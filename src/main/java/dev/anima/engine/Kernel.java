package dev.anima.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Argument;
import org.bytedeco.pytorch.BoolType;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Type;
import org.jspecify.annotations.Nullable;

/// An ATen operator without a Java method, looked up by name and called through the dispatcher.
///
/// The dispatcher trusts its caller: a value of another type than the operator takes, or one at
/// another place, is read as something it is not. So every kernel declares its parameters, each
/// call is checked against them, and a test checks them against libtorch's own schema, which knows
/// the operators of a card without one being there.
final class Kernel {
  /// For a parameter that must be a tensor but needs none.
  static final Object UNDEFINED = new Object();

  private final OperatorHandle handle;
  private final List<Parameter> parameters;

  /// @param type as schemas write it: `Tensor`, `Tensor?`, `float`, `float?`, `int`, `int?`, `bool`
  ///   or `bool[]`
  record Parameter(String type, String name) {
    @Override
    public String toString() {
      return type + " " + name;
    }
  }

  private Kernel(OperatorHandle handle, List<Parameter> parameters) {
    this.handle = handle;
    this.parameters = parameters;
    handle.retainReference(); // lives as long as the process, whatever scope is open now
  }

  /// @param name such as `aten::_softmax_backward_data`
  /// @param parameters all of its schema in order, keyword parameters and those with a default
  ///   included, such as `Tensor grad_output, int dim`
  static Kernel of(String name, String parameters) {
    Libtorch.load();
    List<Parameter> list =
        Stream.of(parameters.split(",\\s*"))
            .map(words -> words.split(" "))
            .map(words -> new Parameter(words[0], words[1]))
            .toList();
    return new Kernel(Dispatcher.singleton().findSchemaOrThrow(name, ""), list);
  }

  /// The operator's name, namespace included.
  String name() {
    try (Scope _ = new Scope()) {
      return handle.operator_name().name().getString();
    }
  }

  List<Parameter> parameters() {
    return parameters;
  }

  /// What libtorch says the operator takes.
  List<Parameter> schema() {
    try (Scope _ = new Scope()) {
      List<Parameter> schema = new ArrayList<>();
      Argument arguments = handle.schema().arguments();
      for (long i = arguments.position(); i < arguments.limit(); i++) {
        Argument argument = arguments.getPointer(i);
        schema.add(
            new Parameter(argument.type().get().str().getString(), argument.name().getString()));
      }
      return schema;
    }
  }

  /// Calls with one argument for every parameter.
  ///
  /// @param arguments [Tensor], [Double], [Long], [Boolean], `boolean[]`, [#UNDEFINED], or null for
  ///   None
  /// @return the first `results` results, which must be tensors, in the current scope
  List<Tensor> call(int results, @Nullable Object... arguments) {
    return Scope.keepAll(() -> {
      IValueVector stack = stack(arguments);
      handle.callBoxed(stack);
      List<Tensor> tensors = new ArrayList<>(results);
      for (int i = 0; i < results; i++) {
        tensors.add(new Tensor(new org.bytedeco.pytorch.Tensor(stack.get(i).toTensor())));
      }
      return tensors;
    });
  }

  /// The arguments as the dispatcher takes them, in the current scope.
  ///
  /// @throws IllegalArgumentException if they are not what the parameters say
  IValueVector stack(@Nullable Object... arguments) {
    if (arguments.length != parameters.size()) {
      throw new IllegalArgumentException(
          "%s takes %d arguments, got %d".formatted(name(), parameters.size(), arguments.length));
    }
    IValueVector stack = new IValueVector();
    for (int i = 0; i < arguments.length; i++) {
      stack.push_back(value(parameters.get(i), arguments[i]));
    }
    return stack;
  }

  private IValue value(Parameter parameter, @Nullable Object argument) {
    String type = parameter.type;
    if (argument == null && type.endsWith("?")) {
      return new IValue();
    }
    return switch (argument) {
      case Tensor tensor when type.startsWith("Tensor") -> new IValue(tensor.raw);
      case Double number when type.startsWith("float") -> new IValue(number.doubleValue());
      case Long number when type.startsWith("int") -> new IValue(number.longValue());
      case Boolean flag when type.equals("bool") -> new IValue(flag.booleanValue());
      case boolean[] flags when type.equals("bool[]") -> flags(flags);
      case Object nothing when nothing == UNDEFINED && type.equals("Tensor") ->
          new IValue(new org.bytedeco.pytorch.Tensor());
      case null, default ->
          throw new IllegalArgumentException(
              "%s: %s cannot be %s".formatted(name(), parameter, argument));
    };
  }

  private static IValue flags(boolean[] values) {
    GenericList list = new GenericList(new Type.TypePtr(BoolType.get().get()));
    for (boolean value : values) {
      list.push_back(new IValue(value));
    }
    return new IValue(list);
  }
}
