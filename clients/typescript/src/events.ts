/** The events of the realtime contract, by name and payload. */

export type MessageType = "TEXT" | "IMAGE" | "FILE" | "SYSTEM";

export interface Attachment {
  id: string;
  fileName: string;
  contentType: string;
  size: number;
  width?: number;
  height?: number;
}

export interface Message {
  id: string;
  chatId: string;
  seq: number;
  senderId: string;
  content: string;
  messageType: MessageType;
  attachments: Attachment[];
  tempId: string | null;
  createdAt: string;
  editedAt: string | null;
  deletedAt: string | null;
}

export type Role = "SUPER_ADMIN" | "ADMIN" | "MANAGER" | "TENANT" | "STUDENT";

export interface Chat {
  id: string;
  type: "DIRECT" | "GROUP";
  name: string | null;
  members: { userId: string; name: string; role: Role; lastReadSeq: number }[];
  lastSeq: number;
  lastChange: number;
  lastMessage: Message | null;
  unreadCount: number;
  createdAt: string;
}

export type NotificationKind =
  | "DOCUMENTS_APPROVED"
  | "DOCUMENTS_REJECTED"
  | "INVOICE_ISSUED"
  | "INVOICE_OVERDUE"
  | "PAYMENT_RECORDED"
  | "PAYMENT_REMINDER"
  | "MAINTENANCE_UPDATE";

export type ErrorCode =
  | "NO_TOKEN"
  | "INVALID_TOKEN"
  | "CONNECTION_ERROR"
  | "UNAUTHORIZED"
  | "INVALID_PAYLOAD"
  | "RATE_LIMIT_EXCEEDED"
  | "NOT_A_MEMBER"
  | "MESSAGE_SEND_FAILED"
  | "UNAVAILABLE"
  | "PASSWORD_CHANGE_REQUIRED";

export interface ServerEvents {
  CONNECTED: {
    userId: string;
    timestamp: string;
    connectedUsers: number;
    connectionId: string;
    chats: { chatId: string; lastSeq: number; lastChange: number }[];
    serverTime: string;
  };
  NEW_MESSAGE: Message & { timestamp: string };
  MESSAGE_SENT: { tempId: string | null; messageId: string; chatId: string; seq: number; timestamp: string };
  MESSAGE_DUPLICATE: {
    tempId: string | null;
    messageId: string;
    chatId: string;
    seq: number;
    message: string;
    timestamp: string;
  };
  MESSAGE_UPDATED: Message & { timestamp: string };
  MESSAGE_DELETED: Message & { timestamp: string };
  HISTORY_GAP: { chatId: string; fromSeq: number; toSeq: number };
  USER_TYPING: { userId: string; chatId: string; timestamp: string };
  USER_STOPPED_TYPING: { userId: string; chatId: string; timestamp: string };
  USER_ONLINE: { userId: string; timestamp: string };
  USER_OFFLINE: { userId: string; timestamp: string; lastSeenAt?: string };
  CHAT_CREATED: Chat;
  CHAT_UPDATED: Chat;
  MEMBER_ADDED: { chatId: string; userId: string };
  MEMBER_REMOVED: { chatId: string; userId: string };
  MESSAGE_READ: { chatId: string; userId: string; seq: number };
  NOTIFICATION: {
    id: string;
    kind: NotificationKind;
    title: string;
    body: string;
    link: string | null;
    timestamp: string;
  };
  HEALTH_RESPONSE: {
    status: "healthy" | "degraded" | "unhealthy";
    timestamp: string;
    connectedUsers: number;
    redisStatus: "connected" | "disconnected" | "error" | "disabled";
    onlineUsersCount: number;
    authenticated: boolean;
  };
  REAUTHENTICATED: { expiresAt: string };
  FORCE_DISCONNECT: {
    reason: string;
    code: "DUPLICATE" | "INACTIVE" | "REVOKED" | "TOKEN_EXPIRED" | "SHUTDOWN";
    timestamp: string;
  };
  ERROR: { message: string; code: ErrorCode; timestamp: string; tempId?: string; retryAfterMs?: number };
}

/** What the client says by itself, beside the server's events. */
export interface ClientStates {
  /** The connection is gone; `again` says whether it will be tried again. */
  disconnected: { again: boolean };
}

export type AllEvents = ServerEvents & ClientStates;
