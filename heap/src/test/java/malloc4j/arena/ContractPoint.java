package malloc4j.arena;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.support.AnnotationConsumer;
import org.junit.jupiter.params.support.ParameterDeclarations;

/// A test of a point of the contract, run on each kind of arena that the point is about.
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedTest(name = "{0}")
@ArgumentsSource(ContractPoint.Kinds.class)
@interface ContractPoint {
    /// The point, in a sentence.
    String value();

    /// What a kind must be for it, all of it.
    ArenaKind.Trait[] of() default {};

    /// What it must not be.
    ArenaKind.Trait[] notOf() default {};

    /// The kinds that a point is about.
    final class Kinds implements ArgumentsProvider, AnnotationConsumer<ContractPoint> {
        private Stream<ArenaKind> kinds = Stream.empty();

        @Override
        public void accept(ContractPoint point) {
            kinds = of(point);
        }

        @Override
        public Stream<? extends Arguments> provideArguments(
                ParameterDeclarations parameters, ExtensionContext context) {
            return kinds.map(Arguments::of);
        }

        static Stream<ArenaKind> of(ContractPoint point) {
            return Arrays.stream(ArenaKind.values())
                    .filter(kind -> Arrays.stream(point.of()).allMatch(kind::is))
                    .filter(kind -> Arrays.stream(point.notOf()).noneMatch(kind::is));
        }
    }
}
