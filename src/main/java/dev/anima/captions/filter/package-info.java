/// The language that says which images are meant: `tag:hat -tag:"pink bikini" tags:>20`.
///
/// It is TagGUI's, with additions; [FilterParser] gives the grammar. A text that is not understood
/// is an error with its place, never a filter that lets everything through.
@NullMarked
package dev.anima.captions.filter;

import org.jspecify.annotations.NullMarked;
