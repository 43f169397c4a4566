package malloc4j.cli.replay;

import java.util.ArrayList;
import java.util.List;

/// How many bytes are live as the events of a trace go by, at some of them.
///
/// @param events after how many, ascending; the peak is among them
/// @param liveBytes of each
/// @param peakEvent after how many events most bytes are live, for the first time
record LiveCurve(List<Integer> events, List<Long> liveBytes, int peakEvent) {
    private static final int POINTS = 160;

    static LiveCurve of(Trace trace) {
        var live = new LiveBytes(trace);
        int peakEvent = 0;
        long peakBytes = 0;
        for (int i = 0; i < trace.eventCount(); i++) {
            live.take(i);
            if (live.bytes() > peakBytes) {
                peakBytes = live.bytes();
                peakEvent = i + 1;
            }
        }
        List<Integer> events = new ArrayList<>();
        List<Long> bytes = new ArrayList<>();
        live = new LiveBytes(trace);
        int point = 1;
        for (int i = 0; i < trace.eventCount(); i++) {
            live.take(i);
            boolean isPoint = i + 1 >= (long) trace.eventCount() * point / POINTS;
            if (isPoint || i + 1 == peakEvent) {
                events.add(i + 1);
                bytes.add(live.bytes());
            }
            while (i + 1 >= (long) trace.eventCount() * point / POINTS && point <= POINTS) {
                point++;
            }
        }
        return new LiveCurve(events, bytes, peakEvent);
    }
}
