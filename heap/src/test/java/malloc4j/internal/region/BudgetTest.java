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
        return new Budget(parent, NONE, hardBytes, () -> {});
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
    void theSoftMarkIsToldAtEachCrossingUpward() {
        AtomicInteger told = new AtomicInteger();
        Budget budget = new Budget(null, 100, NONE, told::incrementAndGet);
        budget.charge(100);
        assertThat(told).as("at the mark").hasValue(0);
        budget.charge(1);
        assertThat(told).as("above it").hasValue(1);
        budget.charge(50);
        assertThat(told).as("still above it").hasValue(1);
        budget.discharge(51);
        assertThat(told).as("back at it").hasValue(1);
        budget.charge(1);
        assertThat(told).as("above it again").hasValue(2);
    }

    @Test
    void aRefusedChargeCrossesNoMark() {
        AtomicInteger told = new AtomicInteger();
        Budget child = new Budget(limited(null, 10), 5, NONE, told::incrementAndGet);
        assertThat(child.charge(11)).isFalse();
        assertThat(told).hasValue(0);
        assertThat(child.charge(6)).isTrue();
        assertThat(told).hasValue(1);
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
