/// Meters of heaps for Micrometer: `new HeapMetrics().bindTo(registry)`.
///
/// ```
///   EventDelivery's thread  --opened, closed-->  MeterProbe  -->  HeapMetrics  --add, remove-->  MeterRegistry
///                                                                                                      |
///   a scrape  ------------------------------ each meter of the heap ------>  HeapReading  <------------+
///                                                                              | once a scrape, weakly
///                                                                            Heap.statistics
/// ```
@NullMarked
package malloc4j.micrometer;

import org.jspecify.annotations.NullMarked;
