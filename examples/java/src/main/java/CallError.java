import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;

/** Why a call failed. */
record CallError(Status status) {
  static CallError from(StatusRuntimeException error) {
    return new CallError(StatusProto.fromThrowable(error));
  }

  /** A reason of the service's closed list, and its metadata. */
  ErrorInfo info() {
    return find(ErrorInfo.class, ErrorInfo.getDefaultInstance());
  }

  /** What is wrong with the request's fields, all of it at once. */
  List<String> violations() {
    return find(BadRequest.class, BadRequest.getDefaultInstance()).getFieldViolationsList().stream()
        .map(violation -> violation.getField() + " " + violation.getDescription())
        .toList();
  }

  private <T extends Message> T find(Class<T> type, T otherwise) {
    for (Any detail : status.getDetailsList()) {
      if (detail.is(type)) {
        try {
          return detail.unpack(type);
        } catch (InvalidProtocolBufferException broken) {
          throw new IllegalStateException(broken);
        }
      }
    }
    return otherwise;
  }

  String code() {
    return Code.forNumber(status.getCode()).name();
  }

  /** Makes a call that must fail. */
  static CallError of(Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      return from(error);
    }
    throw new IllegalStateException("expected an error, got a response");
  }
}
