/// Heaps in JMX: an MXBean for each open heap, under the name `malloc4j:type=Heap,name=NAME,id=NUMBER`.
///
/// ```
///   EventDelivery's thread  --opened, closed-->  JmxProbe  -->  HeapBeans  --register-->  the platform's MBean server
///                                                                                                  |
///   a client of JMX  ------------------------------- attributes, operations --->  HeapBean  <------+
///                                                                                    |  weakly
///                                                                                  Heap
/// ```
@NullMarked
package malloc4j.jmx;

import org.jspecify.annotations.NullMarked;
