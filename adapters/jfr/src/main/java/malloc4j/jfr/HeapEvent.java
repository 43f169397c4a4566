package malloc4j.jfr;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.StackTrace;

/// What all events have: which heap.
@Category("malloc4j")
@StackTrace(false)
abstract class HeapEvent extends Event {
    @Label("Heap")
    @Description("Name of the heap")
    String heap = "";

    @Label("Heap ID")
    @Description("Number of the heap in its process, by which heaps of one name differ")
    int heapId;

    final void of(String name, int number) {
        heap = name;
        heapId = number;
    }
}
