package dev.anima.model.block;

/// What every block of a step sees besides its input and its modulation.
public record BlockInputs(Rotary rotary, TextContext text) {}
