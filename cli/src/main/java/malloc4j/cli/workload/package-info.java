/// What allocators are put to, in a child JVM: patterns of allocation, the same code for every allocator.
///
/// ```
///   Workload     a pattern: prepare, rounds, finish; blocks are known by IDs
///     Hand       what a thread of it works with: malloc and free of the one allocator, writing, random numbers
///     Team       its threads      Stop   when a round ends
///   Subject      the one allocator of the JVM, a constant
///   Sampling     whether operations are timed one by one, a constant too until it changes
/// ```
///
/// The workloads are written anew from their descriptions. They keep their sources' sizes, orders and proportions;
/// what a source does a fixed number of times goes on here until a time has passed.
@NullMarked
package malloc4j.cli.workload;

import org.jspecify.annotations.NullMarked;
