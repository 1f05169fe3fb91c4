// PDFBox's Preflight as an independent judge of PDF/A-1b (ISO 19005-1). Run as a single source file:
//
//   java -cp preflight.jar:pdfbox2.jar:fontbox2.jar:xmpbox.jar:commons-logging.jar:commons-io.jar:javax.activation.jar:
//       jaxb-api.jar JudgePdfA.java FILE.pdf...
//       Prints "valid FILE" or "not-valid FILE", and what is wrong with it.

import java.io.File;
import org.apache.pdfbox.preflight.PreflightDocument;
import org.apache.pdfbox.preflight.ValidationResult;
import org.apache.pdfbox.preflight.exception.SyntaxValidationException;
import org.apache.pdfbox.preflight.parser.PreflightParser;

public class JudgePdfA {
    static ValidationResult judge(String name) throws Exception {
        PreflightParser parser = new PreflightParser(new File(name));
        try {
            parser.parse();
            try (PreflightDocument document = parser.getPreflightDocument()) {
                document.validate();
                return document.getResult();
            }
        } catch (SyntaxValidationException e) {
            return e.getResult();
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (String name : arguments) {
            ValidationResult result = judge(name);
            System.out.println((result.isValid() ? "valid " : "not-valid ") + name);
            for (ValidationResult.ValidationError error : result.getErrorsList())
                System.out.println("    " + error.getErrorCode() + " " + error.getDetails());
        }
    }
}
