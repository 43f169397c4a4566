package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import malloc4j.internal.os.Daemons;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import org.junit.jupiter.api.Test;

class GroundTest {
    @Test
    void theGroundOfAProcessCannotBeChosenOnceItIsInUse() {
        Ground now = Ground.process();
        Ground other = new Ground(TestKernel.calls(), System::nanoTime, Daemons::unstarted);
        assertThatIllegalStateException()
                .isThrownBy(() -> Ground.choose(other))
                .withMessage("the ground of this process is in use: choose it before the first heap");
        assertThat(Ground.process()).isSameAs(now);
    }

    @Test
    void anotherViewHasOtherCallsAndTheSameOfAllElse() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        Ground process = Ground.process();
        Ground view = process.with(calls);
        assertThat(view.calls()).isSameAs(calls);
        assertThat(view.mappings()).isSameAs(process.mappings());
        assertThat(view.memory()).isSameAs(process.memory());
        assertThat(view.claims()).isSameAs(process.claims());
        assertThat(view.addressShare()).isSameAs(process.addressShare());
    }

    @Test
    void clockAndThreadsAreWhatItWasMadeOf() {
        Thread[] made = new Thread[1];
        Ground ground = new Ground(TestKernel.calls(), () -> 42, (name, work) -> {
            made[0] = new Thread(work, name);
            return made[0];
        });
        assertThat(ground.nanoTime()).isEqualTo(42);
        assertThat(ground.unstarted("test", () -> {})).isSameAs(made[0]);
    }
}
