package malloc4j.cli.attach.agent;

import java.io.IOException;
import java.io.ObjectOutputStream;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;

/// What the open heaps of this process tell of themselves, of every copy of the library that is new enough. One that is
/// closed meanwhile is left out.
///
/// An answer is how many copies there are and how many heaps answer, then of each heap its number, its name and a
/// value.
final class ReadHeaps {
    private final Instrumentation instrumentation;

    ReadHeaps(Instrumentation instrumentation) {
        this.instrumentation = instrumentation;
    }

    /// What is asked of one heap.
    private interface Question {
        Object value(Object heap) throws ReflectiveOperationException;
    }

    private record Answer(int number, String name, Object value) {}

    /// Answers by what a chain of methods without parameters gives, such as `options.name`.
    void write(String methods, ObjectOutputStream out) throws IOException, ReflectiveOperationException {
        String[] chain = methods.split("\\.", -1);
        write(chain[0], heap -> value(heap, chain), out);
    }

    /// Has every heap give back what it can. Answers by the resident bytes before and after.
    void trim(long keepBytes, ObjectOutputStream out) throws IOException, ReflectiveOperationException {
        write(
                "trim",
                heap -> {
                    long before = (long) value(heap, "residentBytes");
                    Object unused =
                            heap.getClass().getMethod("trim", long.class).invoke(heap, keepBytes);
                    return new long[] {before, (long) value(heap, "residentBytes")};
                },
                out);
    }

    private void write(String needed, Question question, ObjectOutputStream out)
            throws IOException, ReflectiveOperationException {
        List<Class<?>> libraries = Libraries.with(needed, instrumentation);
        List<Answer> answers = new ArrayList<>();
        for (Class<?> library : libraries) {
            for (Object heap : Libraries.openHeaps(library)) {
                try {
                    int number = (int) value(heap, "heapId");
                    answers.add(new Answer(number, (String) value(heap, "options", "name"), question.value(heap)));
                } catch (InvocationTargetException refused) {
                    if (Libraries.openHeaps(library).contains(heap)) {
                        throw refused;
                    }
                }
            }
        }
        out.writeInt(libraries.size());
        out.writeInt(answers.size());
        for (Answer answer : answers) {
            out.writeInt(answer.number());
            out.writeObject(answer.name());
            out.writeObject(answer.value());
        }
    }

    private static Object value(Object heap, String... chain) throws ReflectiveOperationException {
        Object value = heap;
        for (String method : chain) {
            value = value.getClass().getMethod(method).invoke(value);
        }
        return value;
    }
}
