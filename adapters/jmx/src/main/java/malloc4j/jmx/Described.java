package malloc4j.jmx;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import javax.management.DescriptorKey;

/// What a client of JMX shows of an attribute or an operation.
///
/// @since 0.1.0
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Described {
    /// What it is.
    String value();

    /// What it is counted in; empty for what is no number.
    @DescriptorKey("units")
    String units() default "";

    /// The name of the one parameter; empty where there is none.
    String parameter() default "";
}
