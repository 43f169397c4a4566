/// `malloc4j bench`: workloads on this allocator and on its peers, what grows with scale, and what memory comes
/// back.
///
/// ```
/// parent JVM                                              child JVM, one an allocator (and one more for its memory)
///   BenchCommand    arguments, what to print, exit code
///   BenchSession    one workload on all allocators  ---->  BenchChild     answers
///   Candidate       an allocator, how its child starts     WorkloadRunner rounds of a workload, sampled or not
///   Player          an allocator at a workload             MachineLoad    what others did meanwhile
///   Rounds          ratios, spread, disturbance
///   BenchReport     JSON; BenchTable for people
///
///   ScaleCommand, ScaleSession, ScaleReport, ScaleTable, LinePlot: the same, point by point
///   ReturnCommand, ReturnReport, ReturnTable        ---->  ReturnChild    answers
/// ```
@NullMarked
package malloc4j.cli.bench;

import org.jspecify.annotations.NullMarked;
