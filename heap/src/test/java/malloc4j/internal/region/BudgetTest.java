package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BudgetTest {
    private static final long NONE = Long.MAX_VALUE;

    private static Budget limited(@Nullable Budget parent, long hardBytes) {
        return new Budget(parent, NONE, hardBytes);
    }

    @Test
    void chargesUpToTheHardLimitAndNoByteMore() {
        Budget budget = limited(null, 100);
        assertThat(budget.charge(60)).isTrue();
        assertThat(budget.charge(41)).isFalse();
        assertThat(budget.usedBytes()).isEqualTo(60);
        assertThat(budget.charge(40)).isTrue();
        assertThat(budget.charge(1)).isFalse();
        assertThat(budget.charge(0)).isTrue();
        budget.discharge(1);
        assertThat(budget.charge(1)).isTrue();
        assertThat(budget.usedBytes()).isEqualTo(budget.hardBytes()).isEqualTo(100);
    }

    @Test
    void noSumOverflows() {
        Budget budget = limited(null, NONE);
        assertThat(budget.charge(Long.MAX_VALUE - 1)).isTrue();
        assertThat(budget.charge(2)).isFalse();
        assertThat(budget.usedBytes()).isEqualTo(Long.MAX_VALUE - 1);
    }

    @Test
    void everyAncestorIsChargedAndDischarged() {
        Budget top = limited(null, 100);
        Budget middle = limited(top, NONE);
        Budget leaf = limited(middle, NONE);
        assertThat(leaf.charge(30)).isTrue();
        assertThat(middle.charge(5)).isTrue();
        assertThat(List.of(top.usedBytes(), middle.usedBytes(), leaf.usedBytes()))
                .containsExactly(35L, 35L, 30L);
        leaf.discharge(30);
        assertThat(List.of(top.usedBytes(), middle.usedBytes(), leaf.usedBytes()))
                .containsExactly(5L, 5L, 0L);
        assertThat(leaf.parent()).isSameAs(middle);
        assertThat(top.parent()).isNull();
    }

    @Test
    void aRefusalAboveIsUndoneBelow() {
        Budget top = limited(null, 50);
        Budget middle = limited(top, NONE);
        Budget one = limited(middle, NONE);
        Budget other = limited(middle, NONE);
        assertThat(one.charge(40)).isTrue();
        assertThat(other.charge(11)).isFalse();
        assertThat(List.of(top.usedBytes(), middle.usedBytes(), other.usedBytes()))
                .containsExactly(40L, 40L, 0L);
        assertThat(other.charge(10)).isTrue();
    }

    @Test
    void moreThanTheSoftMarkIsAboveIt() {
        Budget budget = new Budget(null, 100, NONE);
        budget.charge(100);
        assertThat(budget.isAboveSoft()).as("at the mark").isFalse();
        budget.charge(1);
        assertThat(budget.isAboveSoft()).as("above it").isTrue();
        budget.putSoftBytes(200);
        assertThat(budget.isAboveSoft()).as("below the new mark").isFalse();
        budget.putSoftBytes(0);
        assertThat(budget.isAboveSoft()).as("above it again").isTrue();
        budget.discharge(101);
        assertThat(budget.isAboveSoft()).isFalse();
    }

    @Test
    void aLimitThatIsLoweredBelowWhatIsUsedRefusesUntilItIsFree() {
        Budget top = limited(null, 100);
        Budget budget = limited(top, NONE);
        assertThat(budget.charge(80)).isTrue();
        top.putHardBytes(50);
        assertThat(top.roomBytes()).isEqualTo(-30);
        assertThat(budget.charge(1)).isFalse();
        assertThat(budget.charge(0)).isTrue();
        budget.discharge(31);
        assertThat(budget.charge(2)).isFalse();
        assertThat(budget.charge(1)).isTrue();
        top.putHardBytes(NONE);
        assertThat(budget.charge(1_000)).isTrue();
    }

    @Test
    void aRefusedChargeOfOneHeapIsNeverInTheWayOfAnother() throws InterruptedException {
        Budget top = limited(null, 1_000);
        Budget full = limited(top, 500);
        Budget roomy = limited(top, NONE);
        assertThat(full.charge(100)).isTrue();
        Thread refused = Thread.ofPlatform().start(() -> {
            for (int step = 0; step < 300_000; step++) {
                if (full.charge(step % 2 == 0 ? 450 : 850)) {
                    throw new AssertionError("passed a limit");
                }
            }
        });
        int refusals = 0;
        for (int step = 0; step < 300_000; step++) {
            if (roomy.charge(900)) {
                roomy.discharge(900);
            } else {
                refusals++;
            }
        }
        refused.join();
        assertThat(refusals).isZero();
    }

    @Test
    void concurrentChargesNeverPassALimitAndAddUp() throws InterruptedException {
        Budget top = limited(null, 1_000);
        List<Budget> leaves = List.of(limited(top, 700), limited(top, 700));
        List<AtomicLong> held = List.of(new AtomicLong(), new AtomicLong());
        AtomicInteger overshoots = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < 4; index++) {
            int which = index & 1;
            threads.add(Thread.ofPlatform().start(() -> {
                for (int step = 0; step < 200_000; step++) {
                    long bytes = 1L + step % 400;
                    if (leaves.get(which).charge(bytes)) {
                        held.get(which).addAndGet(bytes);
                        if (top.usedBytes() > 1_000 || leaves.get(which).usedBytes() > 700) {
                            overshoots.incrementAndGet();
                        }
                        if (step % 1_000 != 999) {
                            leaves.get(which).discharge(bytes);
                            held.get(which).addAndGet(-bytes);
                        }
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(overshoots).hasValue(0);
        assertThat(leaves.get(0).usedBytes()).isEqualTo(held.get(0).get());
        assertThat(leaves.get(1).usedBytes()).isEqualTo(held.get(1).get());
        assertThat(top.usedBytes()).isEqualTo(held.get(0).get() + held.get(1).get());
    }
}
