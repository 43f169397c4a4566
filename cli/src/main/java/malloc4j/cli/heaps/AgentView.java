package malloc4j.cli.heaps;

import java.util.function.Function;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.attach.HeapsAgent;

/// Looks at a program by the agent in it.
record AgentView<T>(AttachedJvm jvm, Function<HeapsAgent, T> looking) implements HeapsCommand.View<T> {
    @Override
    public T look() {
        return looking.apply(new HeapsAgent(jvm));
    }

    @Override
    public boolean endsWithin(long millis) {
        return jvm.endsWithin(millis);
    }

    @Override
    public void close() {
        jvm.close();
    }
}
