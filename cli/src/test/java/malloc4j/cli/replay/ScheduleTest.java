package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScheduleTest {
    @TempDir
    Path folder;

    @Test
    void anEventWaitsForTheOneBeforeItOnAnotherThread() throws IOException, TraceProblem {
        // index            0           1            2            3              4        5
        //           "a 0 0 64", "c 0 1 100", "r 1 0 128", "m 1 2 48 64", "f 1 0", "f 0 2"
        Trace trace = Traces.parse(folder, Traces.TWO_THREADS);
        var schedule = new Schedule(trace);

        assertThat(schedule.starts).containsExactly(0, 3, 6);
        assertThat(schedule.order).containsExactly(0, 1, 5, 2, 3, 4);
        assertThat(indices(trace, Event.WAIT)).containsExactly(2, 5);
        assertThat(indices(trace, Event.ANNOUNCE)).containsExactly(0, 3);
        // slot 0: the realloc on thread 1 waits for the malloc; slot 1: the free on thread 0 waits for the memalign
        assertThat(schedule.slotWaiters).containsExactly(1, 0);
        assertThat(schedule.awaited).isDeepEqualTo(new int[][] {{1}, {0}});
        assertThat(schedule.announced).isDeepEqualTo(new int[][] {{0}, {1}});
    }

    @Test
    void aThreadAnnouncesInItsOwnOrder() throws IOException, TraceProblem {
        // IDs 0 and 1 are allocated in one order and taken over in the other.
        Trace trace = Traces.parse(folder, Traces.text("a 0 0 8", "a 0 1 8", "f 1 1", "f 1 0"));
        var schedule = new Schedule(trace);

        assertThat(schedule.awaited).isDeepEqualTo(new int[][] {{}, {0, 1}});
        assertThat(schedule.announced).isDeepEqualTo(new int[][] {{1, 0}, {}});
    }

    @Test
    void whatIsLeftIsFreedByItsLastUser() throws IOException, TraceProblem {
        Trace trace = Traces.parse(folder, Traces.text("a 0 0 8", "a 0 1 8", "a 0 2 8", "r 1 1 9", "f 1 2"));
        var schedule = new Schedule(trace);

        assertThat(schedule.leftovers).isDeepEqualTo(new int[][] {{0}, {1}});
        assertThat(schedule.crossing.stream()).containsExactly(1, 2);
    }

    @Test
    void turnsAreRunsOfOneThreadInFileOrder() throws IOException, TraceProblem {
        Trace trace = Traces.parse(folder, Traces.TWO_THREADS);
        var schedule = new Schedule(trace);

        assertThat(schedule.turnStarts).containsExactly(0, 2, 5);
        assertThat(schedule.turnOwners).containsExactly(0, 1, 0);
    }

    @Test
    void serialHasNothingToWaitFor() throws IOException, TraceProblem {
        Trace trace = Traces.parse(folder, Traces.TWO_THREADS).serial();
        var schedule = new Schedule(trace);

        assertThat(indices(trace, Event.WAIT | Event.ANNOUNCE)).isEmpty();
        assertThat(schedule.slotWaiters).isEmpty();
        assertThat(schedule.crossing.isEmpty()).isTrue();
        assertThat(schedule.turnStarts).containsExactly(0);
        assertThat(schedule.leftovers).isDeepEqualTo(new int[][] {{1}});
    }

    private static IntStream indices(Trace trace, long flag) {
        return IntStream.range(0, trace.eventCount()).filter(i -> (trace.events[i] & flag) != 0);
    }
}
