package malloc4j.callbacks;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/// Asks for stack before a downcall, so that an upcall out of it finds some.
///
/// HotSpot asks for the stack of a Java method when it is entered: an upcall that begins where too little is left is a
/// `StackOverflowError` before the first line of the method that it goes to, which no code in it can catch, and ends
/// the JVM. So it is asked for on the way into C, by a method that has as many locals as that and does nothing: there
/// the error is an error like any other.
final class StackCheck {
    private static final int SLOT_BYTES = 8;
    private static final int MAX_SLOTS = 65_000;
    private static final int TOO_LONG_TO_INLINE = 400; // bytes of code; -XX:FreqInlineSize is 325

    /// The largest stack that can be asked for.
    static final int MAX_BYTES = MAX_SLOTS * SLOT_BYTES;

    private StackCheck() {}

    /// A handle `void ()` that throws [StackOverflowError] where fewer bytes of stack are left.
    static MethodHandle of(int byteSize) {
        ClassDesc name = ClassDesc.of(StackCheck.class.getPackageName(), "StackCheck$Made");
        MethodTypeDesc type = MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int);
        byte[] bytes = ClassFile.of()
                .build(
                        name,
                        made -> made.withMethodBody(
                                "probe",
                                type,
                                ClassFile.ACC_STATIC,
                                code -> body(code, name, type, byteSize / SLOT_BYTES)));
        try {
            MethodHandles.Lookup hidden = MethodHandles.lookup().defineHiddenClass(bytes, true);
            MethodHandle probe =
                    hidden.findStatic(hidden.lookupClass(), "probe", MethodType.methodType(void.class, int.class));
            return MethodHandles.insertArguments(probe, 0, 0);
        } catch (ReflectiveOperationException impossible) {
            throw new LinkageError(impossible.getMessage(), impossible);
        }
    }

    /// `if (again != 0) { last = 0; probe(last); }`, and then nothing for long; `last` is in the highest slot. Without
    /// the call compiled code would need no frame.
    private static void body(CodeBuilder code, ClassDesc name, MethodTypeDesc type, int last) {
        Label end = code.newLabel();
        code.iload(0).ifeq(end);
        code.iconst_0().istore(last);
        code.iload(last).invokestatic(name, "probe", type);
        code.labelBinding(end);
        for (int length = 0; length < TOO_LONG_TO_INLINE; length++) {
            code.nop();
        }
        code.return_();
    }
}
