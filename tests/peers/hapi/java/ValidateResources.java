import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.IParser;
import ca.uhn.fhir.validation.FhirValidator;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.MetadataResource;

/** HAPI's instance validator: one resource per line in, one OperationOutcome per line out, in the same order. */
public final class ValidateResources {

    /** The only argument is a file with the definitions known beside those of R4, one resource per line. */
    public static void main(String[] arguments) throws Exception {
        var fhir = FhirContext.forR4();
        var json = fhir.newJsonParser();
        var validator = validator(fhir, known(fhir, json, Path.of(arguments[0])));
        try (var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                var outcome = validator.validateWithResult(line).toOperationOutcome();
                System.out.println(json.encodeResourceToString(outcome));
            }
        }
    }

    private static PrePopulatedValidationSupport known(FhirContext fhir, IParser json, Path file) throws Exception {
        var known = new PrePopulatedValidationSupport(fhir);
        for (var line : Files.readAllLines(file)) {
            known.addResource((MetadataResource) json.parseResource(line));
        }
        return known;
    }

    /** Stricter than its defaults: an extension nobody defined is an error. */
    private static FhirValidator validator(FhirContext fhir, PrePopulatedValidationSupport known) {
        var chain = new ValidationSupportChain(
                new DefaultProfileValidationSupport(fhir),
                known,
                new CommonCodeSystemsTerminologyService(fhir),
                new InMemoryTerminologyServerValidationSupport(fhir),
                new SnapshotGeneratingValidationSupport(fhir));
        var instance = new FhirInstanceValidator(chain);
        instance.setAnyExtensionsAllowed(false);
        return fhir.newValidator().registerValidatorModule(instance);
    }
}
