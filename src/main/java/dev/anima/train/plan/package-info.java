/// How much memory a run takes, and which way through the DiT fits the memory there is: computed
/// from shapes alone, before anything is loaded.
///
/// The arithmetic is a rehearsal: a [Ledger] books every tensor in the order in which the real code
/// makes and frees it, so each class here names the one it follows. Tests hold both against each
/// other, counted to the byte by [dev.anima.engine.AllocationCount]. Start at [MemoryPlan].
@NullMarked
package dev.anima.train.plan;

import org.jspecify.annotations.NullMarked;
