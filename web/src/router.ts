import { createRouter } from "sv-router";

export const { p, navigate, isActive, route } = createRouter({
  "/": () => import("./features/home/Home.svelte"),
  "/sign-in": () => import("./features/home/Home.svelte"),
  "/sign-up": () => import("./features/auth/SignUp.svelte"),
  "/join/:slug": () => import("./features/auth/SignUp.svelte"),
  "/verify-email": () => import("./features/auth/VerifyEmail.svelte"),
  "/documents": () => import("./features/auth/Case.svelte"),
  "/forgot-password": () => import("./features/auth/Forgot.svelte"),
  "/reset-password": () => import("./features/auth/Reset.svelte"),
  "/verifications": () => import("./features/verifications/Queue.svelte"),
  "/verifications/:userId": () => import("./features/verifications/Queue.svelte"),
  "/chats": () => import("./features/chats/Chats.svelte"),
  "/chats/:id": () => import("./features/chats/Chats.svelte"),
  "/compounds": () => import("./features/compounds/List.svelte"),
  "/compounds/:id": () => import("./features/compounds/Detail.svelte"),
  "/apartments": () => import("./features/apartments/List.svelte"),
  "/apartments/:id": () => import("./features/apartments/Detail.svelte"),
  "/tenants": () => import("./features/tenants/List.svelte"),
  "/tenants/:id": () => import("./features/tenants/Detail.svelte"),
  "/occupancies": () => import("./features/occupancies/List.svelte"),
  "/occupancies/:id": () => import("./features/occupancies/Detail.svelte"),
  "/invoices": () => import("./features/invoices/List.svelte"),
  "/invoices/:id": () => import("./features/invoices/Detail.svelte"),
  "/payments": () => import("./features/payments/List.svelte"),
  "/payments/:id": () => import("./features/payments/Detail.svelte"),
  "/maintenance-requests": () => import("./features/maintenance/List.svelte"),
  "/maintenance-requests/:id": () => import("./features/maintenance/Detail.svelte"),
  "/users": () => import("./features/users/List.svelte"),
  "/audit": () => import("./features/audit/List.svelte"),
  "/mail": () => import("./features/mail/List.svelte"),
  "/settings": () => import("./features/settings/Settings.svelte"),
  "*": () => import("./parts/NotFound.svelte"),
});

const PUBLIC = /^\/(sign-up|join\/[^/]+|verify-email|documents|forgot-password|reset-password)$/;

/** Pages that need no session and have no rail. */
export const isPublic = (path: string): boolean => PUBLIC.test(path);
