package dev.anima.lora;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Where each parameter of a LoRA set lies in its one flat buffer: group after group, so that an
/// optimizer updates a group as one range, then whatever is frozen.
///
/// @param groups with their ranges; together they cover `[0, trainable)` without gaps
/// @param frozen parameters of no group, behind them
/// @param trainable number of elements in groups
/// @param elements number of elements altogether
public record FlatLayout(List<Group> groups, List<Slice> frozen, long trainable, long elements) {

  /// One parameter's place.
  public record Slice(LoraParameter parameter, long offset) {
    public long length() {
      return parameter.elements();
    }
  }

  /// One optimizer group's range `[offset, offset + length)`.
  public record Group(
      String description, double learningRate, long offset, long length, List<Slice> slices) {}

  public static FlatLayout of(List<LoraModule> modules, List<ParameterGroup> parameterGroups) {
    List<Group> groups = new ArrayList<>();
    Set<LoraParameter> grouped = new HashSet<>();
    long offset = 0;
    for (ParameterGroup group : parameterGroups) {
      List<Slice> slices = slices(group.parameters(), offset);
      long end = end(slices, offset);
      groups.add(
          new Group(group.description(), group.learningRate(), offset, end - offset, slices));
      grouped.addAll(group.parameters());
      offset = end;
    }
    List<LoraParameter> rest = new ArrayList<>();
    for (LoraModule module : modules) {
      for (LoraParameter parameter : module.parameters()) {
        if (!grouped.contains(parameter)) {
          rest.add(parameter);
        }
      }
    }
    List<Slice> frozen = slices(rest, offset);
    return new FlatLayout(List.copyOf(groups), frozen, offset, end(frozen, offset));
  }

  private static List<Slice> slices(List<LoraParameter> parameters, long start) {
    List<Slice> slices = new ArrayList<>();
    long offset = start;
    for (LoraParameter parameter : parameters) {
      slices.add(new Slice(parameter, offset));
      offset += parameter.elements();
    }
    return List.copyOf(slices);
  }

  private static long end(List<Slice> slices, long start) {
    return slices.isEmpty() ? start : slices.getLast().offset() + slices.getLast().length();
  }
}
