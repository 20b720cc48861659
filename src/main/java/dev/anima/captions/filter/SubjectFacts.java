package dev.anima.captions.filter;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.TagCategories;
import dev.anima.captions.Vocabulary;
import java.util.List;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;

/// What filters may ask for beyond the image itself; asked only when a filter needs it.
///
/// @param prefix tags that must stand first in a folder
/// @param tokens of a text: the larger number of both tokenizers
/// @param edited whether a caption was changed by an operation that still stands
/// @param duplicate whether another image has the same bytes
/// @param lint whether lint finds `any`, a severity or a rule at an image
public record SubjectFacts(
    Function<CaptionFolder, List<String>> prefix,
    TagCategories categories,
    Vocabulary vocabulary,
    ToIntFunction<String> tokens,
    Predicate<CaptionedImage> edited,
    Predicate<CaptionedImage> duplicate,
    BiPredicate<CaptionedImage, String> lint) {}
