/// Events of heaps for JDK Flight Recorder.
///
/// ```
///   EventDelivery's thread   --event--->  JfrProbe  --commit-->  RareEvents        map, purge, refusal, ...
///   who allocates, misuses   --at once->  JfrProbe  --commit-->  ReportEvents      with that thread's stack
///   Flight Recorder's thread ----------------------  commit-->  PeriodicEvents    Heap.all, statistics
/// ```
@NullMarked
package malloc4j.jfr;

import org.jspecify.annotations.NullMarked;
